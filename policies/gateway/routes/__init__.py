"""HTTPRoutes and GRPCRoutes as routes of `routes.yaml`."""
