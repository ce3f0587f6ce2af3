"""Between the router and the runtime: crossings to JavaScript, and what is logged of a bug."""
