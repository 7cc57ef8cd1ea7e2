"""What was learned of a store of the demo, per kind of class: tables, pictures and a page."""
