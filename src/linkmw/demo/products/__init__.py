"""Three products that existed before linkmw did: each its own framework, accounts, login and look.

`python -m linkmw.demo.products.orders --port 8001 --database orders.db` (and `helpdesk`, `wiki`) starts one in its
proper server. What linkmw needs comes from `LINKMW_…` in the environment; without it, or with `LINKMW_ENABLED=off`,
they are what they were before. Their own settings: `DEMO_DATABASE` (an SQLite file), `DEMO_PEOPLE` (a JSON file like
`people.json`), `DEMO_SECRET` (signs sessions), `DEMO_NAME` (what it is called), `DEMO_SMTP` and
`DEMO_MAIL_FROM` (host:port and sender of Orders' reset mails), `DEMO_WRAP=no` (leave linkmw out altogether, for
comparison).
"""
