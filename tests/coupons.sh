#!/usr/bin/env bash
# Kills processes that give coupon codes, and gateways that put them on pages, a hundred times on each ledger, and prints what that
# cost; and how fast codes are given.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/install.sh
cargo test --locked --test it -- --ignored --exact --nocapture coupon_kills::a_hundred_kills_cost_no_code \
    page_kills::a_hundred_kills_cost_no_code_on_any_page coupon_kills::how_many_codes_are_given_a_second
