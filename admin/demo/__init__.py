"""The demo company: Tidewater, invoices for small shops, with sixty days of its community's life."""

from admin.demo.sign_ins import print_sign_ins
from admin.demo.telling import fill

__all__ = ["fill", "print_sign_ins"]
