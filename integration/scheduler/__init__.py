"""The clock: it wakes, the database says what is due, and one replica at a time does it."""
