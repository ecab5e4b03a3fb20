"""Files that appear whole, the machine and its faults, tasks side by side."""
