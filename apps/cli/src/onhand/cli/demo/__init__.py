"""`onhand demo`: a shop of its own on a running system, with shoppers, shown live."""
