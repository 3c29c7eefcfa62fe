"""What crosses a border: values, records, lists, reports, and the signed envelope. No I/O, no clock, no database."""
