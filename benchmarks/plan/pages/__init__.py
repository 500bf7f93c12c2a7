"""What is told of the results: ratios, tables, the figure, the page of the documentation."""
