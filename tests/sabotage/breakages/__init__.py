"""The table of breakages: what somebody might do to the code, and which tests have to notice."""

from tests.sabotage.breakages.inventory import INVENTORY
from tests.sabotage.breakages.messaging import MESSAGING
from tests.sabotage.breakages.orders import ORDERS
from tests.sabotage.breakages.recovery import RECOVERY

BREAKAGES = (*MESSAGING, *RECOVERY, *ORDERS, *INVENTORY)
