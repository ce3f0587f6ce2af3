"""What stands between the router and the runtime: crossings to JavaScript, the collector, bugs."""
