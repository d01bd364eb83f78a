"""`tienda_demo`: a made-up Spanish fashion-and-home online shop, in euros, 2023 to 2025.

Nothing in it is about a real person or firm. It is drawn from published models with known
parameters (`Shop`), so that what an analysis finds can be held against what was put in.

**Purchases: BG/NBD.** A buyer's orders after the first follow a Poisson process whose weekly
rate is Gamma(`r`, rate `alpha`) over buyers; after each of them the buyer leaves for good with
a probability that is Beta(`a`, `b`) over buyers. First orders are spread evenly over the
three years. A buyer watched for T weeks has bought once with probability
(`alpha` / (`alpha` + T)) ** `r`: with the defaults about half of the buyers in all.

**Seasons.** The process runs in a time of its own, which the calendar stretches: more passes in
an hour of a December evening than in one of an August night. Counts stay BG/NBD; dates show
July and January sales, Christmas, week days and hours.

**Order value: Gamma-Gamma.** A target value is Gamma(`p`, rate v), v is Gamma(`q`, rate `gamma`)
over buyers, whatever the rate of purchase; its mean is `p` * `gamma` / (`q` - 1). The basket (one
to five lines) is filled with products whose prices add up to about the target.

**Baskets.** Each customer has a favourite category; some products go together (`PAIRS`);
discounts are commoner in the sales and among some customers; each customer has a usual channel.

**Contact data.** Addresses at the domains that are kept for examples, some of them untidy; mobile
numbers that count up and are written in several ways; consent to each channel. They have a
random stream of their own and touch nothing else.

**Dirt.** A few wrong lines, counted in `truth.json`, so that the data-quality table has something
to show. All of them are older than the event log, and without them the rest is whole.

The same seed gives the same bytes, as long as numpy's random streams stay the same.

Source
------
Fader, Hardie & Lee (2005), "'Counting Your Customers' the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2), section 3 (assumptions i to v) and equation 4.
Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value" (note), section 2.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from filecmp import cmpfiles
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segkit.errors import SegkitError, suggestion

FIRST_DAY, END_DAY = "2023-01-01", "2026-01-01"
DAY = 24 * 60
TRUTH = "truth.json"
POSTAGE = ["ENVIO", "Gastos de envío", "Envío"]
TABLES = ("pedidos.csv", "devoluciones.csv", "clientes.csv", "eventos.csv")
CHANNELS = ("web", "app", "tienda", "WhatsApp")
PROVINCES = (
    "Madrid, Barcelona, Valencia, Sevilla, Alicante, Málaga, Murcia, Cádiz, Bizkaia, "
    "A Coruña, Illes Balears, Las Palmas, Asturias, Zaragoza, Pontevedra, Granada, Tarragona, "
    "Córdoba, Girona, Gipuzkoa, Toledo, Cantabria, León, Cáceres, Ávila"
)
ALIASES = (
    "faro, jara, brisa, olmo, nube, trigo, coral, duna, menta, lirio, arce, ribera, tomillo, "
    "zafiro, almendro, gaviota"
)
# RFC 2606 keeps these three for examples: mail to them reaches nobody.
MAIL_DOMAINS = ("example.com", "example.org", "example.net")
# Plainly invented: they count up from here, one a customer. No Spanish range for fiction is known
# that also passes for a mobile number, so they are there to be normalised, never to be dialled.
FIRST_MOBILE = 600_000_001
MOBILE_FORMS = (
    "{0} {1} {2}",
    "{0}{1}{2}",
    "+34 {0}{1}{2}",
    "+34 {0} {1} {2}",
    "0034{0}{1}{2}",
    "0034 {0} {1} {2}",
    "{0}-{1}-{2}",
)

# Category and prefix of its ids; then name and list price, the most wanted product first.
CATALOGUE = """
Mujer MUJ: Camiseta básica 12.95, Vaquero recto 39.95, Vestido midi 49.95, Blusa satinada 29.95,
 Jersey de punto 34.95, Falda plisada 32.95, Americana entallada 69.95, Pantalón palazzo 36.95,
 Top de tirantes 9.95, Abrigo de paño 119.00, Mono de lino 54.95, Cárdigan largo 44.95,
 Trench clásico 89.95, Mallas deportivas 19.95, Vestido de fiesta 95.00
Hombre HOM: Camisa Oxford 35.95, Polo de algodón 24.95, Chino slim 39.95, Camiseta de manga larga 15.95,
 Vaquero tapered 42.95, Jersey de cuello alto 37.95, Sudadera con capucha 34.95, Bermuda de lino 27.95,
 Chaleco acolchado 49.95, Traje de lana 189.00, Parka impermeable 99.95, Pijama de cuadros 29.95,
 Bóxer pack de tres 16.95, Bañador corto 19.95, Cazadora de piel 165.00
Niños NIN: Body de algodón 7.95, Leggings estampados 9.95, Camiseta de dinosaurios 8.95,
 Sudadera con cremallera 17.95, Vestido de flores 22.95, Peto vaquero 24.95, Pijama de estrellas 14.95,
 Anorak infantil 39.95, Calcetines pack de cinco 6.95, Gorro de lana 8.50, Chándal escolar 27.95,
 Bañador infantil 12.95, Manta de bebé 18.95, Disfraz de pirata 21.95, Mochila de guardería 16.50
Calzado CAL: Zapatilla urbana 54.95, Bailarina de piel 39.95, Botín con cremallera 69.95,
 Sandalia plana 29.95, Mocasín de ante 64.95, Alpargata de esparto 24.95, Zapatilla de running 79.95,
 Bota alta 109.00, Zapato de salón 59.95, Chancla de playa 11.95, Zapatilla de casa 14.95,
 Bota de agua 26.95, Zapato Oxford 89.95, Plantillas de gel 7.95, Deportiva infantil 32.95
Complementos COM: Bolso bandolera 34.95, Cinturón de piel 19.95, Fular estampado 15.95,
 Gafas de sol 22.95, Bolso de mano 44.95, Pendientes de aro 9.95, Cartera de piel 27.95,
 Sombrero de paja 17.95, Guantes de lana 12.95, Collar largo 14.95, Reloj clásico 79.00, Paraguas 13.95,
 Corbata de seda 24.95, Neceser de viaje 16.95, Maleta de cabina 85.00
Textil hogar TEX: Toalla de baño 11.95, Sábana bajera 18.95, Funda nórdica 45.95, Cojín decorativo 12.95,
 Manta de sofá 29.95, Relleno nórdico 69.95, Funda de almohada 8.95, Cortina opaca 34.95,
 Alfombra de yute 59.95, Mantel de lino 32.95, Colcha bouti 54.95, Almohada viscoelástica 24.95,
 Albornoz 36.95, Alfombra de lana 210.00, Paño de cocina 4.95
Cocina y mesa COC: Vaso de vidrio 2.95, Plato llano 4.95, Taza de loza 5.95, Sartén antiadherente 22.95,
 Cuchillo de chef 29.95, Copa de vino 4.50, Decantador 27.95, Bandeja de madera 17.95,
 Cafetera italiana 24.95, Olla de hierro 89.95, Cubertería de 24 piezas 64.95, Vajilla de 18 piezas 79.95,
 Tabla de cortar 14.95, Cuenco de cerámica 7.95, Robot de cocina 245.00
Decoración DEC: Vela aromática 9.95, Marco de fotos 8.95, Jarrón de cerámica 19.95,
 Lámpara de mesa 39.95, Espejo redondo 49.95, Cesta de mimbre 16.95, Planta artificial 14.95,
 Lámina enmarcada 24.95, Difusor de aromas 18.95, Portavelas 7.50, Reloj de pared 29.95,
 Lámpara de pie 95.00, Estantería de pared 44.95, Puf trenzado 65.00, Mesa auxiliar 129.00
"""
PAIRS = (
    ("Sábana bajera", "Funda nórdica"),
    ("Relleno nórdico", "Funda de almohada"),
    ("Copa de vino", "Decantador"),
    ("Plato llano", "Vaso de vidrio"),
    ("Cuchillo de chef", "Tabla de cortar"),
    ("Cafetera italiana", "Taza de loza"),
    ("Vela aromática", "Portavelas"),
    ("Jarrón de cerámica", "Planta artificial"),
    ("Marco de fotos", "Lámina enmarcada"),
    ("Toalla de baño", "Albornoz"),
    ("Camisa Oxford", "Corbata de seda"),
    ("Vaquero recto", "Cinturón de piel"),
    ("Vestido de fiesta", "Bolso de mano"),
    ("Body de algodón", "Manta de bebé"),
    ("Zapatilla de running", "Mallas deportivas"),
    ("Cojín decorativo", "Manta de sofá"),
)


@dataclass(frozen=True)
class Shop:
    """What the shop is drawn from: model parameters, shares and counts of wrong lines.

    Parameters
    ----------
    seed : int
        Seed of every draw.
    customers : int
        Registered customers, prospects included.
    prospects : float
        Share of the registered who never buy.
    r, alpha, a, b : float
        BG/NBD: shape and rate (weeks) of the purchase rates, and the two shapes of the leaving
        probabilities.
    p, q, gamma : float
        Gamma-Gamma: shape of order values, shape and scale (euros) of their rates.
    least_value, most_value : float
        Bounds of an order's target value in euros.
    returners, returner_rate, return_rate : float
        Share of frequent returners, the share of orders that they return, and that of the others.
    deal_seekers, deal_seeker_extra, sales_extra, discount_rate : float
        Share of deal seekers; the chance of a discount on a line is `discount_rate`, more in the
        sales (January, July, November) and more for deal seekers.
    favourite : float
        Log weight of the favourite category against the others.
    pair_chance : float
        Chance that the next line of a basket is the product that goes with the last one.
    consents, waits, leaves_cart : float
        Shares: of the registered who agree to e-mail; of online orders whose cart waits for hours;
        of visits without an order that leave a cart.
    no_email, untidy_email, no_phone : float
        Shares of the registered: without an address; with one in capitals or between spaces, of
        those that have one; without a telephone.
    consents_whatsapp, consents_sms, unasked : float
        Shares of the registered: who agree to WhatsApp and to SMS, of those asked; who were never
        asked, for each of the two.
    window_days : int
        Days of the event log before the end.
    no_customer, exact_duplicate, zero_price, bad_date, shipping, negative_quantity : int
        Wrong lines in `pedidos.csv`, one an order.
    cancelled : int
        Cancelled orders in `pedidos.csv`.

    Source
    ------
    Fader, Hardie & Lee (2005), section 3; Fader & Hardie (2013), section 2.

    Examples
    --------
    >>> shop = Shop()
    >>> shop.p * shop.gamma / (shop.q - 1)  # mean target value of an order, euros
    64.0
    """

    seed: int = 2024
    customers: int = 3000
    prospects: float = 1 / 6
    r: float = 0.32
    alpha: float = 8.0
    a: float = 0.8
    b: float = 5.0
    p: float = 5.0
    q: float = 3.5
    gamma: float = 32.0
    least_value: float = 5.0
    most_value: float = 900.0
    returners: float = 0.06
    returner_rate: float = 0.35
    return_rate: float = 0.03
    deal_seekers: float = 0.15
    deal_seeker_extra: float = 0.35
    sales_extra: float = 0.25
    discount_rate: float = 0.10
    favourite: float = 2.0
    pair_chance: float = 0.4
    consents: float = 0.72
    waits: float = 0.2
    leaves_cart: float = 0.4
    no_email: float = 0.04
    untidy_email: float = 0.15
    no_phone: float = 0.10
    consents_whatsapp: float = 0.55
    consents_sms: float = 0.45
    unasked: float = 0.12
    window_days: int = 90
    no_customer: int = 6
    exact_duplicate: int = 4
    zero_price: int = 3
    bad_date: int = 2
    shipping: int = 5
    negative_quantity: int = 3
    cancelled: int = 2


@dataclass(frozen=True)
class _Clock:
    """Model weeks against calendar minutes: `passed[h]` model weeks by hour h since FIRST_DAY."""

    passed: np.ndarray

    @property
    def weeks(self) -> float:
        """Model weeks in all; as many as there are calendar weeks."""
        return float(self.passed[-1])

    @property
    def end(self) -> int:
        """Calendar minutes in all."""
        return (len(self.passed) - 1) * 60

    def minutes(self, weeks: np.ndarray) -> np.ndarray:
        """Return the calendar minutes since FIRST_DAY at which `weeks` have passed."""
        hours = np.interp(weeks, self.passed, np.arange(len(self.passed)))
        return np.minimum((hours * 60).astype(np.int64), self.end - 1)

    def model_weeks(self, minutes: ArrayLike) -> np.ndarray:
        """Return the model weeks that have passed at calendar `minutes`."""
        return np.interp(np.asarray(minutes) / 60, np.arange(len(self.passed)), self.passed)


@dataclass(frozen=True)
class _World:
    """What every draw looks at: parameters, time, products and the registered customers."""

    shop: Shop
    clock: _Clock
    products: pd.DataFrame
    people: pd.DataFrame

    def of(self, owner: pd.Series, column: str) -> np.ndarray:
        """Return a column of `people` for each owner."""
        return self.people[column].to_numpy()[owner]

    @property
    def begin(self) -> int:
        """Minute at which the event log begins."""
        return self.clock.end - self.shop.window_days * DAY

    @property
    def dirt_until(self) -> int:
        """Minute before which wrong lines are; a month early, so that late returns fit too."""
        return self.begin - 30 * DAY


def generate(folder: Path, *, seed: int = 2024, customers: int = 3000) -> Path:
    """Write the shop's files into `folder`, aside first and moved into place when whole.

    Spanish CSV: `;` between fields, decimal comma, day-first dates, UTF-8 with a byte order mark.

    - `pedidos.csv` (order lines): pedido, cliente, fecha (dd/mm/yyyy HH:MM), producto_id, producto,
      categoria, cantidad (units), precio (euros a unit, after the discount), descuento (0 to 0.3),
      canal, estado (`entregado` or `cancelado`).
    - `devoluciones.csv` (whole orders returned): pedido, fecha (of the return).
    - `clientes.csv`: cliente, registro (dd/mm/yyyy), consentimiento_email (`sí`, `no`), provincia,
      email, telefono (both as people type them, or empty), consentimiento_whatsapp and
      consentimiento_sms (`sí`, `no`, or empty: never asked).
    - `eventos.csv` (the last 90 days): cliente, fecha, tipo (`ver`, `carrito`, `compra`), producto_id.
    - `truth.json`: the parameters, the counts and amounts that hold, the wrong lines by kind.

    Parameters
    ----------
    folder : Path
        Where to write; made if absent. Files of the same names are replaced, others stay.
    seed : int
        Seed of every draw.
    customers : int
        Registered customers, a sixth of them prospects; at least 200.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    SegkitError
        Fewer than 200 customers, or `folder` is a file.

    Source
    ------
    Fader, Hardie & Lee (2005), section 3; Fader & Hardie (2013), section 2.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as temporary:
    ...     made = generate(Path(temporary) / "tienda", customers=200)
    ...     sorted(file.name for file in made.iterdir())
    ['clientes.csv', 'devoluciones.csv', 'eventos.csv', 'pedidos.csv', 'truth.json']
    """
    if customers < 200:
        raise SegkitError("too few customers", values=[customers], fix="ask for 200 or more")
    folder = Path(folder)
    if folder.is_file():
        raise SegkitError("is a file, not a folder", where=str(folder), fix="name another folder")
    aside = folder.parent / f".{folder.name}.{uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        _write(aside, Shop(seed=seed, customers=customers))
        _move_into_place(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def path(root: Path, name: str) -> Path:
    """Return the file of a demo data set, made first if it is not there yet.

    Parameters
    ----------
    root : Path
        The project's root; made files go below its `reports/.demo/`.
    name : str
        `cdnow/orders.csv`, or `tienda_demo/` and one of the shop's files.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SegkitError
        No demo file has that name; the error lists those there are.

    Examples
    --------
    >>> path(Path("."), "cdnow/orders.csv").name
    'orders.csv'
    >>> path(Path("."), "cdnow/order.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    segkit.errors.SegkitError: demo: unknown demo file: 'cdnow/order.csv'...
    """
    packaged = {"cdnow/orders.csv": Path(__file__).parent / "cdnow" / "orders.csv"}
    made = {f"tienda_demo/{file}": file for file in (*TABLES, TRUTH)}
    if name in packaged:
        return packaged[name]
    if name not in made:
        fix = suggestion(name, [*packaged, *made])
        raise SegkitError("unknown demo file", where="demo", values=[name], fix=fix)
    folder = Path(root) / "reports" / ".demo" / f"tienda_demo-{_fingerprint(Shop())}"
    if not (folder / TRUTH).is_file():
        generate(folder)
    return folder / made[name]


def catalogue() -> pd.DataFrame:
    """Return the shop's products.

    Returns
    -------
    pandas.DataFrame
        producto_id, producto, categoria, precio (list price, euros), partner (row of the product
        that goes with it, -1 where none does).

    Examples
    --------
    >>> catalogue().loc[0, ["producto_id", "producto"]].tolist()
    ['MUJ-01', 'Camiseta básica']
    """
    rows = []
    for block in CATALOGUE.strip().replace("\n ", " ").splitlines():
        title, names = block.split(": ", 1)
        category, prefix = title.rsplit(" ", 1)
        for number, item in enumerate(names.split(", "), start=1):
            name, price = item.rsplit(" ", 1)
            rows.append((f"{prefix}-{number:02}", name, category, float(price)))
    products = pd.DataFrame(rows, columns=["producto_id", "producto", "categoria", "precio"])
    place = {name: row for row, name in enumerate(products["producto"])}
    partners = {one: two for pair in PAIRS for one, two in (pair, pair[::-1])}
    products["partner"] = [place.get(partners.get(name), -1) for name in products["producto"]]
    return products


def _fingerprint(shop: Shop) -> str:
    return sha256(Path(__file__).read_bytes() + repr(shop).encode()).hexdigest()[:12]


def _move_into_place(made: Path, folder: Path) -> None:
    try:
        os.rename(made, folder)
        return
    except OSError:
        if not folder.is_dir():
            raise
    files = (*TABLES, TRUTH)
    if len(cmpfiles(made, folder, files, shallow=False)[0]) == len(files):
        return
    # The truth says that the folder is whole: it goes first and comes last.
    (folder / TRUTH).unlink(missing_ok=True)
    for name in files:
        os.replace(made / name, folder / name)


def _write(folder: Path, shop: Shop) -> None:
    streams = np.random.default_rng(shop.seed).spawn(7)
    clock = _clock()
    world = _World(shop, clock, catalogue(), _people(streams[0], shop, clock))
    orders = _orders(streams[1], world)
    lines = _baskets(streams[2], world, orders)
    returns = _returns(streams[3], world, orders)
    lines = _dirtied(streams[4], world, lines, returns)
    events = _events(streams[5], world, lines)
    contacts = _contacts(streams[6], shop)
    tables = (
        _order_table(world, lines),
        _return_table(returns),
        _customer_table(world, contacts),
        _event_table(world, events),
    )
    for name, table in zip(TABLES, tables, strict=True):
        _save(table, folder / name)
    truth = _truth(world, orders, lines, returns, events)
    truth["contacts"] = _contact_counts(contacts)
    text = json.dumps(truth, indent=1, ensure_ascii=False)
    (folder / TRUTH).write_text(text + "\n", encoding="utf-8", newline="\n")


def _clock() -> _Clock:
    hours = np.arange(FIRST_DAY, END_DAY, dtype="datetime64[h]")
    month = hours.astype("datetime64[M]").astype(int) % 12
    week_day = (hours.astype("datetime64[D]").astype(int) + 3) % 7  # 1970 began on a Thursday
    by_month = np.array([1.1, 0.85, 0.95, 0.95, 1, 1, 1.25, 0.8, 0.95, 1, 1.2, 1.35])
    by_day = np.array([1.05, 1, 1, 1, 1, 0.85, 1.1])
    night, day = [3, 1, 0.5, 0.3, 0.3, 0.5, 1, 2], [3, 4, 5, 6, 6, 6, 5, 5, 5, 6, 7, 8, 9, 10, 9, 6]
    by_hour = np.array(night + day)[np.arange(len(hours)) % 24]
    weight = by_month[month] * by_day[week_day] * by_hour
    passed = np.concatenate([[0.0], np.cumsum(weight)])
    return _Clock(passed * (len(hours) / (24 * 7)) / passed[-1])


def _people(rng: np.random.Generator, shop: Shop, clock: _Clock) -> pd.DataFrame:
    count, provinces = shop.customers, PROVINCES.split(", ")
    buys = np.arange(count) >= round(count * shop.prospects)
    start = rng.uniform(0, clock.weeks, count)
    # Two in three register with their first order; the others some weeks before it.
    lag = np.where(buys & (rng.random(count) < 0.35), rng.exponential(30, count), 0).astype(int)
    people = pd.DataFrame(
        {
            "registered": np.maximum(clock.minutes(start) // DAY - lag, 0),
            "first": np.where(buys, start, np.nan),
            "rate": rng.gamma(shop.r, 1 / shop.alpha, count),
            "leaves": rng.beta(shop.a, shop.b, count),
            "value_rate": rng.gamma(shop.q, 1 / shop.gamma, count),
            "favourite": rng.integers(0, 8, count),
            "channel": _usual_channels(rng, count),
            "seeks_deals": rng.random(count) < shop.deal_seekers,
            "returns": rng.random(count) < shop.returners,
            "consents": rng.random(count) < shop.consents,
            "province": rng.choice(provinces, count, p=_falling(len(provinces), 0.8)),
        }
    )
    return people.sort_values("registered", kind="stable", ignore_index=True)


def _contacts(rng: np.random.Generator, shop: Shop) -> pd.DataFrame:
    """Return the contact data of each customer as typed; empty where there are none."""
    count = shop.customers
    return pd.DataFrame(
        {
            "email": np.where(rng.random(count) < shop.no_email, "", _addresses(rng, shop)),
            "telefono": np.where(rng.random(count) < shop.no_phone, "", _mobiles(rng, count)),
            "consentimiento_whatsapp": _answers(rng, shop, shop.consents_whatsapp),
            "consentimiento_sms": _answers(rng, shop, shop.consents_sms),
        },
        dtype=str,
    )


def _addresses(rng: np.random.Generator, shop: Shop) -> np.ndarray:
    """Return an address a customer, its number in it so that no two share one."""
    count = shop.customers
    alias, domain = rng.choice(ALIASES.split(", "), count), rng.choice(MAIL_DOMAINS, count)
    tidy = [
        f"{name}.{number}@{host}"
        for name, number, host in zip(alias, _customer_ids(range(count)), domain, strict=True)
    ]
    forms = (str.upper, str.capitalize, " {}".format, "{} ".format, "  {} ".format)
    form = rng.integers(0, len(forms), count)
    typed = [forms[place](address) for place, address in zip(form, tidy, strict=True)]
    return np.where(rng.random(count) < shop.untidy_email, typed, tidy)


def _mobiles(rng: np.random.Generator, count: int) -> list[str]:
    form = rng.integers(0, len(MOBILE_FORMS), count)
    numbers = [str(FIRST_MOBILE + row) for row in range(count)]
    return [
        MOBILE_FORMS[place].format(number[:3], number[3:6], number[6:])
        for place, number in zip(form, numbers, strict=True)
    ]


def _answers(rng: np.random.Generator, shop: Shop, agree: float) -> np.ndarray:
    asked = rng.random(shop.customers) >= shop.unasked
    return np.where(asked, np.where(rng.random(shop.customers) < agree, "sí", "no"), "")


def _usual_channels(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.choice(len(CHANNELS), count, p=[0.48, 0.28, 0.14, 0.10])


def _falling(count: int, power: float) -> np.ndarray:
    weight = np.arange(1, count + 1) ** -power
    return weight / weight.sum()


def _orders(rng: np.random.Generator, world: _World) -> pd.DataFrame:
    people, clock = world.people, world.clock
    buyers = people.index[people["first"].notna()].to_numpy()
    first = people.loc[buyers, "first"].to_numpy()
    owner, elapsed = _repeats(rng, people.loc[buyers], clock.weeks - first)
    minute = clock.minutes(np.concatenate([first, first[owner] + elapsed]))
    orders = pd.DataFrame({"owner": np.concatenate([buyers, buyers[owner]]), "minute": minute})
    orders["kind"] = "valid"
    orders = pd.concat([orders, _wrong_orders(rng, world, orders)])
    orders = orders.sort_values(["minute", "owner"], kind="stable", ignore_index=True)
    usual, other = world.of(orders["owner"], "channel"), _usual_channels(rng, len(orders))
    orders["channel"] = np.where(rng.random(len(orders)) < 0.8, usual, other)
    orders["value"] = _order_values(rng, world, orders)
    return orders


def _repeats(
    rng: np.random.Generator, buyers: pd.DataFrame, watched: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return buyer (place) and weeks since the first order of every repeat order (BG/NBD)."""
    rate, leaves = buyers["rate"].to_numpy(), buyers["leaves"].to_numpy()
    active, age = np.arange(len(rate)), np.zeros(len(rate))
    owners, ages = [active[:0]], [age[:0]]
    while len(active):
        age = age + rng.exponential(1, len(active)) / np.maximum(rate[active], 1e-12)
        active, age = active[age < watched[active]], age[age < watched[active]]
        owners.append(active)
        ages.append(age)
        stays = rng.random(len(active)) >= leaves[active]
        active, age = active[stays], age[stays]
    return np.concatenate(owners), np.concatenate(ages)


def _wrong_orders(rng: np.random.Generator, world: _World, orders: pd.DataFrame) -> pd.DataFrame:
    """Return orders that must be rejected, each between a regular's first and second order.

    So they move nobody's first or last order.
    """
    seen = orders.sort_values("minute").groupby("owner")["minute"].agg(list)
    seen = seen[[len(times) >= 3 and times[1] < world.dirt_until for times in seen]]
    kinds = _repeated(world.shop, "no_customer", "bad_date", "cancelled")
    chosen = seen.iloc[rng.choice(len(seen), len(kinds), replace=False)]
    middle = [(times[0] + times[1]) // 2 for times in chosen]
    return pd.DataFrame({"owner": chosen.index, "minute": middle, "kind": kinds})


def _repeated(shop: Shop, *kinds: str) -> list[str]:
    return [kind for kind in kinds for _ in range(getattr(shop, kind))]


def _order_values(rng: np.random.Generator, world: _World, orders: pd.DataFrame) -> np.ndarray:
    shop = world.shop
    value = rng.gamma(shop.p, 1, len(orders)) / world.of(orders["owner"], "value_rate")
    return np.clip(value, shop.least_value, shop.most_value)


def _baskets(rng: np.random.Generator, world: _World, orders: pd.DataFrame) -> pd.DataFrame:
    left = orders["value"].to_numpy().copy()
    wanted = 1 + rng.binomial(4, left / (left + 150))
    wanted[orders["kind"].isin(["no_customer", "bad_date"])] = 1
    taken = np.zeros((len(orders), len(world.products)), dtype=bool)
    last = np.full(len(orders), -1)
    least, made = world.shop.least_value, []
    for place in range(wanted.max()):
        rows = np.flatnonzero(wanted > place)
        open_lines = wanted[rows] - place
        spread = np.where(open_lines > 1, 0.35, 0.0) * rng.standard_normal(len(rows))
        line = _lines(rng, world, orders.loc[rows], left[rows] / open_lines * np.exp(spread))
        _choose(rng, world, line, taken, last)
        line["place"] = place
        left[rows] = np.maximum(left[rows] - line["quantity"] * line["price"], least)
        made.append(line)
    lines = pd.concat(made, ignore_index=True)
    return lines.sort_values(["order", "place"], kind="stable", ignore_index=True)


def _lines(
    rng: np.random.Generator, world: _World, orders: pd.DataFrame, target: np.ndarray
) -> pd.DataFrame:
    """Return one line an order, with its discount and the list price to look for."""
    shop = world.shop
    sales = np.isin(_months(orders["minute"]), [1, 7, 11])
    seeks = world.of(orders["owner"], "seeks_deals")
    chance = shop.discount_rate + shop.sales_extra * sales + shop.deal_seeker_extra * seeks
    depth = rng.random(len(orders)) + 0.25 * sales
    level = np.select([depth < 0.5, depth < 0.85], [0.1, 0.2], 0.3)
    discount = np.where(rng.random(len(orders)) < chance, level, 0.0)
    line = orders[["owner", "minute", "kind", "channel"]].assign(discount=discount)
    return line.assign(order=orders.index, target=target / (1 - discount))


def _months(minutes: pd.Series) -> np.ndarray:
    days = np.datetime64(FIRST_DAY) + minutes.to_numpy() // DAY
    return days.astype("datetime64[M]").astype(int) % 12 + 1


def _choose(
    rng: np.random.Generator,
    world: _World,
    line: pd.DataFrame,
    taken: np.ndarray,
    last: np.ndarray,
) -> None:
    """Set product, quantity and price of each line; note them in `taken` and `last`."""
    order, target = line["order"].to_numpy(), line["target"].to_numpy()
    price = world.products["precio"].to_numpy()
    near = np.log(price)[None, :] - np.log(target)[:, None]
    score = _appeal(world)[world.of(line["owner"], "favourite")]
    score = score - 0.5 * (near / 0.22) ** 2 + rng.gumbel(size=near.shape)
    score[taken[order]] = -np.inf
    product = score.argmax(axis=1)
    partner = _partners(rng, world, last[order], target)
    product = np.where((partner >= 0) & ~taken[order, partner], partner, product)
    taken[order, product], last[order] = True, product
    line["product"] = product
    line["quantity"] = np.clip(np.rint(target / price[product]), 1, 4).astype(int)
    line["price"] = np.round(price[product] * (1 - line["discount"]), 2)


def _partners(
    rng: np.random.Generator, world: _World, last: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Return the product that goes with the last one, or -1: none, too dear, or not wanted."""
    partner = np.where(last >= 0, world.products["partner"].to_numpy()[last], -1)
    fits = world.products["precio"].to_numpy()[partner] < 2 * target
    takes = rng.random(len(last)) < world.shop.pair_chance
    return np.where(fits & takes, partner, -1)


def _appeal(world: _World) -> np.ndarray:
    """Return the log weight of each product (columns) for each favourite category (rows)."""
    category = pd.factorize(world.products["categoria"])[0]
    rank = world.products.groupby("categoria").cumcount().to_numpy() + 1
    return -0.5 * np.log(rank) + world.shop.favourite * (category == np.arange(8)[:, None])


def _returns(rng: np.random.Generator, world: _World, orders: pd.DataFrame) -> pd.DataFrame:
    often = world.of(orders["owner"], "returns")
    rate = np.where(often, world.shop.returner_rate, world.shop.return_rate)
    returned = (rng.random(len(orders)) < rate) & (orders["kind"] == "valid")
    made = pd.DataFrame({"order": orders.index, "minute": _days_later(rng, orders["minute"])})
    made = made[returned & (made["minute"] < world.clock.end)]
    return made.sort_values("minute", kind="stable", ignore_index=True)


def _days_later(rng: np.random.Generator, minutes: pd.Series) -> pd.Series:
    """Return a minute in opening hours 3 to 20 days later."""
    day = minutes // DAY + rng.integers(3, 21, len(minutes))
    return day * DAY + rng.integers(9 * 60, 20 * 60, len(minutes))


def _dirtied(
    rng: np.random.Generator, world: _World, lines: pd.DataFrame, returns: pd.DataFrame
) -> pd.DataFrame:
    """Return the lines with wrong ones added; lines that were there stay as they are."""
    sound = (lines["kind"] == "valid") & (lines["place"] == 0)
    sound &= ~lines["order"].isin(returns["order"])
    sound &= lines["minute"] < world.dirt_until
    wrong = ("exact_duplicate", "zero_price", "shipping", "negative_quantity")
    kinds = _repeated(world.shop, *wrong)
    chosen = rng.choice(lines.index[sound], len(kinds), replace=False)
    extra = lines.loc[chosen].assign(kind=kinds)
    _spoil(rng, world, extra, lines)
    # Place orders a line in its order: a duplicate right after its original, a gift at the end.
    extra["place"] += np.where(extra["kind"] == "exact_duplicate", 0.5, 9)
    dirtied = pd.concat([lines, extra])
    return dirtied.sort_values(["minute", "order", "place"], kind="stable", ignore_index=True)


def _spoil(
    rng: np.random.Generator, world: _World, extra: pd.DataFrame, lines: pd.DataFrame
) -> None:
    gift = extra["kind"] == "zero_price"
    extra.loc[gift, ["price", "discount"]] = 0.0
    extra.loc[gift, "product"] = [
        _not_in_order(rng, world, lines, order) for order in extra.loc[gift, "order"]
    ]
    post = extra["kind"] == "shipping"
    extra.loc[post, ["quantity", "price", "discount"]] = [1, 4.95, 0.0]
    back = extra["kind"] == "negative_quantity"
    extra.loc[back, "quantity"] = -1
    extra.loc[back, "minute"] = _days_later(rng, extra.loc[back, "minute"])


def _not_in_order(rng: np.random.Generator, world: _World, lines: pd.DataFrame, order: int) -> int:
    inside = lines.loc[lines["order"] == order, "product"]
    return int(rng.choice(world.products.index.difference(pd.Index(inside))))


def _events(rng: np.random.Generator, world: _World, lines: pd.DataFrame) -> pd.DataFrame:
    bought = lines.loc[(lines["minute"] >= world.begin) & (lines["kind"] == "valid")]
    events = pd.concat(
        [
            bought[["owner", "minute", "product"]].assign(what="compra", cart=""),
            _before_buying(rng, world, bought),
            _sessions(rng, world, lines),
        ]
    )
    # Nobody is known before the day of registration.
    known = np.maximum(world.of(events["owner"], "registered") * DAY, world.begin)
    events = events[(events["minute"] >= known) & (events["minute"] < world.clock.end)]
    return events.sort_values(["minute", "owner"], kind="stable", ignore_index=True)


def _before_buying(rng: np.random.Generator, world: _World, bought: pd.DataFrame) -> pd.DataFrame:
    """Return the views and carts that lead to online orders; some carts wait for hours."""
    online = bought[bought["channel"] != CHANNELS.index("tienda")]
    orders, place = np.unique(online["order"], return_inverse=True)
    waits = rng.random(len(orders)) < world.shop.waits
    delay = np.where(
        waits, rng.integers(90, 23 * 60, len(orders)), rng.integers(2, 45, len(orders))
    )
    cart = online[["owner", "minute", "product"]].assign(
        minute=online["minute"] - delay[place],
        what="carrito",
        cart=np.where(waits, "recovered", "bought")[place],
    )
    view = cart.loc[cart.index.repeat(1 + rng.poisson(0.8, len(cart)))].assign(what="ver", cart="")
    view["minute"] -= rng.integers(1, 30, len(view))
    other = _viewed(rng, world, view)
    view["product"] = np.where(rng.random(len(view)) < 0.75, view["product"], other)
    return pd.concat([cart, view])


def _sessions(rng: np.random.Generator, world: _World, lines: pd.DataFrame) -> pd.DataFrame:
    """Return visits without an order: views, and carts that are left."""
    clock = world.clock
    owner = np.repeat(world.people.index, rng.poisson(_visits(world, lines)))
    weeks = rng.uniform(clock.model_weeks(world.begin), clock.weeks, len(owner))
    session = pd.DataFrame({"owner": owner, "minute": clock.minutes(weeks)})
    view = session.loc[session.index.repeat(1 + rng.poisson(2.2, len(session)))]
    view = view.assign(what="ver", cart="", product=_viewed(rng, world, view))
    view["minute"] += view.groupby(level=0).cumcount() * 2
    left = rng.random(len(session)) < world.shop.leaves_cart
    left &= ~_buys_soon(session, lines)
    cart = view.groupby(level=0).tail(1).loc[session.index[left]]
    cart = cart.assign(minute=cart["minute"] + 1, what="carrito", cart="abandoned")
    return pd.concat([view, cart])


def _visits(world: _World, lines: pd.DataFrame) -> np.ndarray:
    """Return the expected visits of each customer: most where an order is recent."""
    last = lines.groupby("owner")["minute"].max().reindex(world.people.index)
    age = (world.begin - last) / DAY
    return np.select([last.isna(), age < 180, age < 365], [1.5, 2.5, 0.9], 0.3)


def _viewed(rng: np.random.Generator, world: _World, view: pd.DataFrame) -> np.ndarray:
    weight = np.exp(_appeal(world))
    passed = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    favourite = world.of(view["owner"], "favourite")
    found = (rng.random(len(view))[:, None] > passed[favourite]).sum(axis=1)
    return np.minimum(found, len(world.products) - 1)


def _buys_soon(session: pd.DataFrame, lines: pd.DataFrame) -> np.ndarray:
    """Tell which visits are within a day (and an hour) of the customer's next order."""
    span = 10_000_000
    bought = np.sort(lines["owner"] * span + lines["minute"])
    bought = np.append(bought, np.iinfo(np.int64).max)
    visit = (session["owner"] * span + session["minute"]).to_numpy()
    return bought[np.searchsorted(bought, visit)] - visit < 25 * 60


def _order_table(world: _World, lines: pd.DataFrame) -> pd.DataFrame:
    chosen = world.products.loc[lines["product"]].reset_index(drop=True)
    post = (lines["kind"] == "shipping").to_numpy()
    chosen.loc[post, ["producto_id", "producto", "categoria"]] = POSTAGE
    kind = lines["kind"]
    return pd.DataFrame(
        {
            "pedido": _order_ids(lines["order"]),
            "cliente": np.where(kind == "no_customer", "", _customer_ids(lines["owner"])),
            "fecha": np.where(kind == "bad_date", "32/13/2025", _moments(lines["minute"])),
            "producto_id": chosen["producto_id"],
            "producto": chosen["producto"],
            "categoria": chosen["categoria"],
            "cantidad": lines["quantity"],
            "precio": lines["price"],
            "descuento": lines["discount"],
            "canal": np.array(CHANNELS, dtype=object)[lines["channel"]],
            "estado": np.where(kind == "cancelled", "cancelado", "entregado"),
        }
    )


def _return_table(returns: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"pedido": _order_ids(returns["order"]), "fecha": _moments(returns["minute"])}
    )


def _customer_table(world: _World, contacts: pd.DataFrame) -> pd.DataFrame:
    people = world.people
    table = pd.DataFrame(
        {
            "cliente": _customer_ids(people.index),
            "registro": [text[:10] for text in _moments(people["registered"] * DAY)],
            "consentimiento_email": np.where(people["consents"], "sí", "no"),
            "provincia": people["province"],
        }
    )
    return table.join(contacts)


def _event_table(world: _World, events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cliente": _customer_ids(events["owner"]),
            "fecha": _moments(events["minute"]),
            "tipo": events["what"],
            "producto_id": world.products["producto_id"].to_numpy()[events["product"]],
        }
    )


def _order_ids(orders: pd.Series) -> list[str]:
    return [f"P-{order + 1:06}" for order in orders]


def _customer_ids(owners: Iterable[int]) -> list[str]:
    return [f"{owner + 1:05}" for owner in owners]


def _moments(minutes: pd.Series) -> list[str]:
    days = np.arange(FIRST_DAY, END_DAY, dtype="datetime64[D]").astype(object)
    day = [moment.strftime("%d/%m/%Y") for moment in days]
    return [f"{day[m // DAY]} {m % DAY // 60:02}:{m % 60:02}" for m in minutes]


def _save(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(
        file,
        sep=";",
        decimal=",",
        float_format="%.2f",
        encoding="utf-8-sig",
        lineterminator="\r\n",
        index=False,
    )


def _truth(
    world: _World,
    orders: pd.DataFrame,
    lines: pd.DataFrame,
    returns: pd.DataFrame,
    events: pd.DataFrame,
) -> dict[str, Any]:
    bought = orders[orders["kind"] == "valid"].groupby("owner").size()
    valid = lines[lines["kind"] == "valid"]
    taken_back = valid[valid["order"].isin(returns["order"])]
    wrong = lines.loc[lines["kind"] != "valid", "kind"]
    return {
        "shop": asdict(world.shop),
        "customers": _customer_counts(world.people, bought),
        "orders": {
            "valid": int(bought.sum()),
            "returned": len(returns),
            "cancelled": int((orders["kind"] == "cancelled").sum()),
        },
        "lines": {"all": len(lines), "valid": len(valid)},
        "amounts": {"valid": _amount(valid), "returned": _amount(taken_back)},
        "wrong_lines": _counts(wrong),
        "events": _counts(events["what"]),
        "carts": _counts(events.loc[events["cart"] != "", "cart"]),
        "pairs": _pair_ids(world.products),
    }


def _customer_counts(people: pd.DataFrame, bought: pd.Series) -> dict[str, int]:
    return {
        "registered": len(people),
        "prospects": int(people["first"].isna().sum()),
        "buyers": len(bought),
        "one_order": int((bought == 1).sum()),
        "ten_or_more_orders": int((bought >= 10).sum()),
    }


def _contact_counts(contacts: pd.DataFrame) -> dict[str, int]:
    given = {column: int((contacts[column] != "").sum()) for column in ("email", "telefono")}
    asked = ("consentimiento_whatsapp", "consentimiento_sms")
    return given | {column: int((contacts[column] == "sí").sum()) for column in asked}


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().sort_index().items()}


def _pair_ids(products: pd.DataFrame) -> list[list[str]]:
    ids = products.set_index("producto")["producto_id"]
    return [[ids[one], ids[two]] for one, two in PAIRS]


def _amount(lines: pd.DataFrame) -> float:
    return float(round((lines["quantity"] * lines["price"]).sum(), 2))
