"""Fills an empty shop: categories, products with pictures, prices and stock, and one customer. The same every time."""

import io
from decimal import Decimal

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.sites.models import Site  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from oscar.apps.catalogue.categories import create_from_breadcrumbs  # noqa: E402
from oscar.core.loading import get_model  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

Product = get_model("catalogue", "Product")
ProductClass = get_model("catalogue", "ProductClass")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")
Country = get_model("address", "Country")

# Titles that a careless rewriter would break.
TITLES = ["The plain book", "Café & crème", "The <tag> handbook", "“Quotes”, vol. 1", "日本の物語", "Größe & Maß"]
CATEGORIES = {"Books > Fiction": 24, "Books > Cooking": 12, "Books > 日本語": 6, "Shirts": 6}


def cover(number):
    """A picture drawn from the product's number."""
    picture = Image.new("RGB", (240, 320), tuple(60 + number * step % 160 for step in (37, 91, 53)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((24, 32, 216, 288), outline="white", width=3)
    for line in range(4):
        draw.line((48, 80 + line * 36, 192 - line * number % 60, 80 + line * 36), fill="white", width=6)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=80)
    return ContentFile(data.getvalue())


def product(number, category, kind, partner):
    made = Product.objects.create(
        upc=f"{number:06d}",
        title=f"{TITLES[number % len(TITLES)]} {number}",
        description=f"<p>What is said of <b>number {number}</b>: 5 &lt; 6 &amp; so on.</p>",
        product_class=kind,
        structure=Product.STANDALONE,
        is_public=True,
    )
    ProductCategory.objects.create(product=made, category=category)
    StockRecord.objects.create(
        product=made,
        partner=partner,
        partner_sku=f"S{number:05d}",
        price_currency="GBP",
        price=Decimal(number) + Decimal("0.99"),
        num_in_stock=0 if number % 11 == 0 else 1_000_000,
    )
    picture = ProductImage(product=made, display_order=0)
    picture.original.save(f"{number}.jpg", cover(number))
    picture.save()


def main():
    Site.objects.update_or_create(id=1, defaults={"domain": "127.0.0.1", "name": "Bookshop"})
    Country.objects.create(
        iso_3166_1_a2="GB",
        iso_3166_1_a3="GBR",
        iso_3166_1_numeric="826",
        printable_name="United Kingdom",
        name="United Kingdom",
        is_shipping_country=True,
    )
    kind = ProductClass.objects.create(name="Goods", requires_shipping=True, track_stock=True)
    partner = Partner.objects.create(name="Warehouse")
    number = 0
    for breadcrumbs, count in CATEGORIES.items():
        category = create_from_breadcrumbs(breadcrumbs)
        for _ in range(count):
            number += 1
            product(number, category, kind, partner)
    get_user_model().objects.create_user(
        "carla", "carla@shop.example", "carla-buys-books", first_name="Carla", last_name="Customer"
    )


main()
