"""invoicely: plain-text invoices."""

from invoicely import usage


def render(order, total, customer):
    usage.track(order, customer)
    return f"Invoice {order}\n{customer['name']}\n{customer['address']}\nTotal: {total} EUR\n"
