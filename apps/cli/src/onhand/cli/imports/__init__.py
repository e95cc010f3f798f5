"""`onhand stock import`: files of changes of stock, row by row, each applied once however often a file is imported."""
