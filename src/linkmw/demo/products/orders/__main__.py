from linkmw.demo.products import serve
from linkmw.demo.products.orders.seed import prepare

serve.main("linkmw.demo.products.orders", ("wsgi", "asgi"), prepare)
