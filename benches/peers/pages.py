"""Writes pages of given sizes that are built like a shop's list of products: pages.py FOLDER. The same every time."""

import gzip
import json
import random
import sys
from pathlib import Path

SIZES = {"20k": 20_000, "100k": 100_000, "1m": 1_000_000}

WORDS = (
    "linen cotton indigo walnut brass paper glass tea bowl plate lamp shelf basket scarf apron knife board kettle vase tray"
    " small large round square hand made plain washed woven turned folded glazed oiled dark pale warm quiet everyday old new"
).split()

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>All products – A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Everything for the table, the kitchen and the quiet hour after.">
<link rel="canonical" href="https://shop.example/products">
<link rel="stylesheet" href="/static/css/base.css?v=5d1f">
<link rel="stylesheet" href="/static/css/shop.css?v=99ab">
<script defer src="/static/js/shop.js?v=0c42"></script>
<style>.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:1rem}.card>img{width:100%}</style>
</head>
<body class="list page-1">
<header class="top"><a class="logo" href="/"><img src="/static/logo.svg" alt="A shop" width="120" height="32"></a>
<nav><ul><li><a href="/new">New</a></li><li><a href="/table">Table</a></li><li><a href="/kitchen">Kitchen</a></li></ul></nav>
<form action="/search" role="search"><input name="q" type="search" aria-label="Search"><button>Search</button></form></header>
<main id="main"><h1>All products</h1>
<div class="grid">
"""

FOOT = """</div></main>
<footer><ul><li><a href="/about">About us</a></li><li><a href="/delivery">Delivery</a></li></ul><p>&copy; A shop</p></footer>
<script>document.documentElement.classList.add("js")</script>
</body>
</html>
"""


def card(number, dice):
    name = " ".join(dice.sample(WORDS, 3)).capitalize()
    price = dice.randrange(500, 20_000) / 100
    words = " ".join(dice.choices(WORDS, k=dice.randrange(12, 40)))
    data = {"@context": "https://schema.org", "@type": "Product", "name": name, "sku": f"S{number:05d}"}
    return f"""<article class="card" data-sku="S{number:05d}">
<a href="/product/{number}-{name.lower().replace(" ", "-")}"><img loading="lazy" src="/media/{number}.jpg" alt="{name}" width="280" height="280"></a>
<h2><a href="/product/{number}">{name}</a></h2>
<p class="price">£{price:.2f}</p>
<p>{words}.</p>
<form method="post" action="/basket/add/{number}"><input type="hidden" name="quantity" value="1"><button type="submit">Add to basket</button></form>
<script type="application/ld+json">{json.dumps(data)}</script>
</article>
"""


def page(size):
    dice = random.Random(size)
    parts, length, number = [HEAD], len(HEAD.encode()) + len(FOOT.encode()), 0
    while length < size:
        number += 1
        parts.append(card(number, dice))
        length += len(parts[-1].encode())
    return "".join([*parts, FOOT]).encode()


def main():
    folder = Path(sys.argv[1])
    for name, size in SIZES.items():
        html = page(size)
        (folder / f"{name}.html").write_bytes(html)
        # At level 6, as a shop's own server would.
        (folder / f"{name}.html.gz").write_bytes(gzip.compress(html, 6, mtime=0))


main()
