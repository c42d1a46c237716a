-- What a merchant sets up by hand, besides EverShop's own demonstration data: cash on delivery, and a flat rate for shipping.
INSERT INTO setting (name, value, is_json) VALUES
    ('codPaymentStatus', '1', false),
    ('codDisplayName', 'Cash on delivery', false)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

WITH zone AS (
    INSERT INTO shipping_zone (name) VALUES ('United States') RETURNING shipping_zone_id AS id
), country AS (
    INSERT INTO shipping_zone_country (zone_id, country) SELECT id, 'US' FROM zone
), provider AS (
    INSERT INTO shipping_zone_provider (zone_id, provider_code) SELECT id, 'core' FROM zone
), method AS (
    INSERT INTO core_shipping_method (name) VALUES ('Flat rate') RETURNING core_shipping_method_id AS id
)
INSERT INTO core_shipping_method_rate (method_id, zone_id, cost) SELECT method.id, zone.id, 5 FROM method, zone;

-- A product whose address was made before it was put into its category lacks it there. All demonstration data stands in one.
UPDATE url_rewrite SET request_path = '/accessories' || request_path
    WHERE entity_type = 'product' AND request_path NOT LIKE '/accessories/%';
