"""What an import makes: drafts of routes, names, findings, and the policy as YAML."""
