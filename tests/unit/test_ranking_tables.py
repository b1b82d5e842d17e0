"""What each form of `resources` and every example gets first, on the catalogue that ships.

Machines are those of clouds whose prices ship, whether or not they can be used here.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from skyflow.catalog import load_catalog, offers
from skyflow.config import Settings
from skyflow.placement.offers import Offer
from skyflow.placement.ranking import rank
from skyflow.spec import LoadOptions, Task, load_task
from tests.examples.conftest import EXAMPLES
from tests.spec.conftest import MINIMAL, Load
