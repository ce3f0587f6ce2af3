"""What commands say to people: text, tables, times; below every other room of tools."""
