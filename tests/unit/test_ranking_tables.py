"""What each form of `resources` and every example gets first, on the catalogue that ships.

Machines are those of clouds whose prices ship, whether or not they can be used here.
"""

from __future__ import annotations
