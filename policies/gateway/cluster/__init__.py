"""What a cluster has beside its routes: Gateways, listeners, guards, grants, namespaces."""
