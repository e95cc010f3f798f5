"""Products and locations."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.inventory import COMMANDS, QUERIES
from onhand.common.contracts.message import Command, Count, LocationId, PageLimit, Part, ProductId, Query, Reply

Name = Annotated[str, Meta(min_length=1, max_length=200)]
MOST_LOCATIONS = 1000
Priority = Annotated[int, Meta(ge=0, le=10_000)]


class DefineProduct(Command, frozen=True):
    """Say what a product is; all of it anew, so what is not given is as it is by default.

    Attributes:
        low_stock_threshold: `StockLow` is told when what can be promised comes down to it.
        safety_stock: units that no order gets, at each location.
        backorderable: whether orders may wait for it.
    """

    TYPE = "inventory.define-product.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    product_id: ProductId
    name: Name | UnsetType = UNSET
    low_stock_threshold: Count | UnsetType = UNSET
    safety_stock: Count = 0
    backorderable: bool = True


class GetProduct(Query, frozen=True):
    """Tell what a product is."""

    TYPE = "inventory.get-product.v1"
    TOPIC = QUERIES
    SUBJECT = "product_id"

    product_id: ProductId


class ProductDetails(Reply, frozen=True, omit_defaults=False):
    """What a product is. Reply to `DefineProduct` and `GetProduct`."""

    TYPE = "inventory.product-details.v1"
    SUBJECT = "product_id"

    product_id: ProductId
    name: Name | UnsetType = UNSET
    low_stock_threshold: Count | UnsetType = UNSET
    safety_stock: Count = 0
    backorderable: bool = True


class ListProducts(Query, frozen=True):
    """Tell what products are, by their ids.

    Attributes:
        after: tell only of products with higher ids; `next` of the page before.
        prefix: only those whose ids begin so.
    """

    TYPE = "inventory.list-products.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "products"
    after: ProductId | UnsetType = UNSET
    limit: PageLimit = 50
    prefix: ProductId | UnsetType = UNSET


class ProductPage(Reply, frozen=True, omit_defaults=False):
    """What products are, by their ids. Reply to `ListProducts`.

    Attributes:
        next: where the next page begins; absent if there is none.
    """

    TYPE = "inventory.product-page.v1"
    SUBJECT = "about"

    about: str
    products: tuple[ProductDetails, ...]
    next: ProductId | UnsetType = UNSET


class DefineLocation(Command, frozen=True):
    """Say what a location is; all of it anew. There are `MOST_LOCATIONS` at most.

    Attributes:
        priority: orders are served from the location with the lowest number that can.
    """

    TYPE = "inventory.define-location.v1"
    TOPIC = COMMANDS
    SUBJECT = "location_id"

    location_id: LocationId
    name: Name | UnsetType = UNSET
    priority: Priority = 100


class ListLocations(Query, frozen=True):
    """Tell all locations."""

    TYPE = "inventory.list-locations.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "locations"


class LocationDetails(Reply, frozen=True, omit_defaults=False):
    """What a location is. Reply to `DefineLocation`."""

    TYPE = "inventory.location-details.v1"
    SUBJECT = "location_id"

    location_id: LocationId
    name: Name | UnsetType = UNSET
    priority: Priority = 100


class LocationEntry(Part, frozen=True, omit_defaults=False):
    """One location in a list."""

    location_id: LocationId
    name: Name | UnsetType = UNSET
    priority: Priority = 100


class LocationList(Reply, frozen=True, omit_defaults=False):
    """All locations, in the order in which they serve. Reply to `ListLocations`."""

    TYPE = "inventory.location-list.v1"
    SUBJECT = "about"

    about: str
    locations: tuple[LocationEntry, ...]
