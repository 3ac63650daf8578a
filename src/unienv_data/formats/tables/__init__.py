"""Tables of rows, of which a column tells episodes apart: Parquet, and Hugging Face's Arrow files."""
