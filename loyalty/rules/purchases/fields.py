"""What a line of purchases can say, and what columns that say it are called in English, German and Spanish."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One thing a line says. `synonyms` are column names seen in the wild, the most telling first."""

    name: str
    label: str
    synonyms: tuple[str, ...]
    is_required: bool = False
    help_text: str = ""


def _field(name: str, label: str, words: str, *, is_required: bool = False, help_text: str = "") -> Field:
    return Field(name, label, tuple(word.strip() for word in words.split("|")), is_required, help_text)


FIELDS = (
    _field(
        "order",
        "Order number",
        """
        order number | order id | order | basket id | basket | receipt number | receipt id | receipt |
        transaction id | transaction number | transaction | invoice number | invoice | ticket | sale id |
        bestellnummer | auftragsnummer | belegnummer | beleg nr | bon nr | bonnummer | bon | beleg |
        rechnungsnummer | rechnung | transaktion | vorgang | número de pedido | pedido | número de ticket |
        tique | recibo | factura | número de factura | transacción
        """,
        is_required=True,
        help_text="Lines with the same number are one basket.",
    ),
    _field(
        "time",
        "Time",
        """
        purchased at | ordered at | order time | order date | datetime | date time | timestamp | sold at |
        created at | paid at | sale date | purchase date | transaction date | date | time | kaufdatum |
        verkaufsdatum | bestelldatum | belegdatum | rechnungsdatum | zeitpunkt | datum uhrzeit | datum |
        fecha de compra | fecha de venta | fecha y hora | fecha
        """,
        is_required=True,
        help_text="Day and time of the purchase.",
    ),
    _field(
        "clock",
        "Time of day",
        """
        time of day | clock | order clock | sale time | purchase time | transaction time | uhrzeit | zeit |
        hora | time
        """,
        help_text="Only when the day and the time stand in two columns.",
    ),
    _field(
        "sku",
        "Product code",
        """
        sku | product id | product code | item id | item code | item number | upc | ean | barcode | plu |
        article number | variant id | artikelnummer | artikel nr | artikelcode | produktnummer |
        código de producto | código de artículo | código | código de barras | referencia
        """,
    ),
    _field(
        "product",
        "Product name",
        """
        product name | item name | product | item | description | product description | article | title |
        artikelbezeichnung | bezeichnung | produktname | artikel | produkt | nombre del producto | producto
        | artículo | descripción
        """,
        help_text="The code or the name is needed; both are better.",
    ),
    _field(
        "quantity",
        "Quantity",
        """
        quantity | qty | units | count | pieces | pcs | menge | anzahl | stück | stueck | stk | cantidad | unidades |
        cant
        """,
        is_required=True,
    ),
    _field(
        "amount",
        "Amount paid",
        """
        sales value | line total | line amount | amount | total | net amount | net sales | sales | subtotal
        | value | paid | extended price | price | gesamtbetrag | gesamtpreis | zeilensumme | summe | betrag
        | umsatz | brutto | preis | importe total | importe | total línea | monto | precio total | precio |
        venta
        """,
        is_required=True,
        help_text="For the whole line, after discounts. Negative for a return.",
    ),
    _field(
        "discount",
        "Discount",
        """
        discount | retail disc | discount amount | line discount | markdown | rabatt | nachlass |
        preisnachlass | descuento | rebaja
        """,
    ),
    _field(
        "coupon",
        "Coupon",
        """
        coupon disc | coupon | coupon amount | coupon discount | voucher | gutschein | gutscheinbetrag |
        cupón | vale
        """,
    ),
    _field(
        "line",
        "Line number",
        """
        line number | line no | line id | line item id | line | position | zeile | zeilennummer |
        position nr | pos | línea | número de línea
        """,
        help_text="Tells two lines of the same product apart.",
    ),
    _field(
        "customer",
        "Customer number",
        """
        customer id | customer number | member id | member number | household id | loyalty id |
        loyalty number | client id | card number | customer | member | account id | kundennummer | kunden nr
        | kunden id | kundenkarte | mitgliedsnummer | kunde | número de cliente | id cliente |
        código de cliente | cliente | número de socio | socio
        """,
        help_text="Lines without a customer are taken as anonymous purchases.",
    ),
    _field(
        "name",
        "Customer name",
        """
        customer name | member name | full name | client name | name | kundenname | name des kunden |
        vollständiger name | nombre del cliente | nombre completo | nombre
        """,
    ),
    _field(
        "email",
        "Customer email",
        """
        email | customer email | email address | e mail | mail | e mail adresse | email adresse |
        kunden email | correo electrónico | correo
        """,
    ),
    _field(
        "phone",
        "Customer phone",
        """
        phone | customer phone | phone number | mobile | telephone | cell | telefon | telefonnummer | handy
        | mobilnummer | teléfono | móvil | celular
        """,
    ),
    _field(
        "store",
        "Store",
        """
        store id | store code | store number | store | shop | location id | location | branch | outlet |
        filiale | filialnummer | markt | laden | geschäft | standort | tienda | sucursal | local
        """,
    ),
    _field(
        "birth_date",
        "Birth date",
        """
        birth date | date of birth | birthdate | birthday | dob | geburtsdatum | geburtstag | geboren am |
        fecha de nacimiento | nacimiento | cumpleaños
        """,
        help_text="Noted for members whose birth date is not known.",
    ),
    _field(
        "email_consent",
        "Email consent",
        """
        email consent | email opt in | email marketing | accepts email marketing | accepts marketing |
        marketing consent | newsletter | opt in | e mail einwilligung | email einwilligung |
        werbeeinwilligung | einwilligung | consentimiento email | consentimiento | acepta correo |
        acepta marketing | boletín
        """,
        help_text="Yes or no to marketing. A member who opted out stays out.",
    ),
    _field(
        "sms_consent",
        "SMS consent",
        """
        sms consent | sms opt in | sms marketing | accepts sms marketing | text opt in | text consent |
        sms einwilligung | consentimiento sms | acepta sms
        """,
    ),
    _field(
        "brand",
        "Brand",
        "brand | manufacturer | producer | vendor | marke | hersteller | marca | fabricante",
    ),
    _field(
        "category",
        "Category",
        """
        product category | category | department | product group | warengruppe | kategorie | produktgruppe |
        abteilung | categoría | departamento | familia
        """,
    ),
    _field(
        "kind",
        "Kind",
        """
        product type | type | kind | subcategory | sub category | varietal | sorte | art | typ |
        unterkategorie | tipo | subcategoría | variedad
        """,
    ),
    _field(
        "size",
        "Size",
        """
        package size | size | pack size | volume | unit size | größe | groesse | packungsgröße | gebinde |
        inhalt | tamaño | formato | volumen
        """,
    ),
)
NAMES = tuple(field.name for field in FIELDS)
LABELS = {field.name: field.label for field in FIELDS}
REQUIRED = tuple(field.name for field in FIELDS if field.is_required)
