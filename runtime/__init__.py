"""What every service needs to run; import its modules."""
