from datetime import date


def charge_cards(batch_size: int = 500, dry_run: bool = False) -> None: ...


def close_books(month: date, /, *ledgers: str, force: bool = False) -> None: ...


class Refunds: ...
