"""Contact sheets of galleries, as an image or as a page."""

from hawc.sheets.contact_sheet import contact_sheet

__all__ = ["contact_sheet"]
