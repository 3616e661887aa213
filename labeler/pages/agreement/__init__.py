"""The agreement page and what it leads to: groups, rules, one person, gold images, the printed report."""
