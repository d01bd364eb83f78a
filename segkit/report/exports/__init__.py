"""Files beside the report: the workbook and the recommendations."""
