"""The agent on Cloudflare's runtime: everything that touches JavaScript or a binding."""
