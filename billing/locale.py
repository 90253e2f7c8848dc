"""In which locale a customer reads amounts and days.

Owns the default. Does not own which locales there are nor how anything is written in one
(`adapters.locale_format`).
"""

from typing import Final

DEFAULT_LOCALE: Final = "en-US"
"""A BCP 47 tag, as every locale is named here."""
