"""An out-of-core dataset store for robot learning."""
