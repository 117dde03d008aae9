"""The matching under fire: members killed, definitions changing, a broker that stands still."""
