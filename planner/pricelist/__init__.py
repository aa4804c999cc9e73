"""Suppliers' price lists in, quote requests out."""
