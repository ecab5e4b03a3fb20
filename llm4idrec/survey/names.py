"""What people call their columns, in several languages and spellings."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Role = Literal["user", "item", "timestamp", "rating", "event"]

EXACTLY: Final = 2.0
PARTLY: Final = 1.0
OTHER: Final = -2.0
"""How well a name says the role: it is one of the words, holds one, or says something else."""

_WORDS: dict[Role, str] = {
    "user": """
        user usr uid customer cust client member visitor buyer shopper reviewer account person
        people profile household player listener reader viewer subscriber username session
        fullvisitor kunde nutzer benutzer mitglied besucher kaufer haushalt utilisateur acheteur
        membre lecteur usuario cliente comprador utente acquirente gebruiker klant uzytkownik
        пользователь клиент покупатель 用户 用戶 客户 顾客 会员 ユーザー 会員 사용자 고객""",
    "item": """
        item iid product prod movie film article sku asin book isbn song track artist game app
        business poi venue content news document doc video course recipe show anime beer joke
        stockcode barcode goods upc ean gtin listing restaurant artikel produkt ware buch lied
        kunstler
        spiel produit livre jeu producto articulo libro pelicula prodotto articolo boek товар
        фильм книга продукт 商品 物品 产品 電影 电影 书籍 項目 アイテム 作品 상품 아이템""",
    "timestamp": """
        timestamp time date datetime ts unixtime created bought purchased ordered when day datum
        zeit zeitpunkt zeitstempel uhrzeit tag heure horodatage jour fecha hora tiempo tijd czas
        время дата 时间 时间戳 日期 時間 日時 시간 날짜""",
    "rating": """
        rating ratings rate stars star score overall grade preference bewertung sterne wertung
        note notation etoiles puntuacion calificacion valoracion valutazione voto beoordeling
        оценка рейтинг 评分 打分 評価 評分 평점""",
    "event": """
        event action behavior behaviour interaction eventtype kind ereignis aktion handlung
        evenement evento accion actie событие действие 行为 事件 行動 이벤트 행동""",
}
_LESS: dict[Role, str] = {
    "user": "session name author",
    "item": "title name titel titre titulo url link description beschreibung parent ad",
    "timestamp": "updated modified delivered delivery shipped birth release estimated end expiry",
    "rating": "count helpful votes average mean",
    "event": "type typ id name time date timestamp",
}
"""Words that speak against the role, or that go with another word for it."""
_OTHERS = """
    order invoice transaction trans basket cart receipt category categorie kategorie brand genre
    department aisle country land city zip store shop price preis prix precio quantity menge qty
    amount anzahl index row nr gender age color colour size weight currency status review bestellung
    commande pedido factura rechnung tag device campaign channel page rank position 类别 分类 价格
    数量 订单 品牌"""
_LONG = 5
"""Letters of a word that is told at the end of another."""
_ENDINGS = ("id", "ids", "nr", "no", "num", "number", "nummer", "key", "code", "hash", "index")


def name_score(name: str, role: Role) -> float:
    """From `OTHER` to `EXACTLY`; 0 for a name that says nothing."""
    words = _split(name)
    ours, less = _SETS[role], _LESS_SETS[role]
    meaning = [word for word in words if word not in ("id", "ids", "at", "key", "unique", "unix")]
    joined = "".join(meaning)
    if joined in ours or _without_ending(joined) in ours:
        return EXACTLY
    score = PARTLY if any(_holds(word, ours) for word in meaning) else 0.0
    score -= 0.5 * sum(word in less for word in meaning)
    if role in ("user", "item") and any(_without_ending(word) in _OTHER_SET for word in meaning):
        return OTHER if score < PARTLY else score - 0.5
    other = {"user": "item", "item": "user"}.get(role)
    if score <= 0 and other and any(w in _SETS[other] for w in meaning):
        return OTHER
    return score


def _holds(word: str, ours: frozenset[str]) -> bool:
    """Whether it is one of the words, or ends with one as `bestelldatum` does; words of languages
    without spaces may hold one anywhere."""
    if word in ours or _without_ending(word) in ours:
        return True
    if word.isascii():
        return any(len(part) >= _LONG and word.endswith(part) for part in ours)
    return any(len(part) > 1 and not part.isascii() and part in word for part in ours)


def _split(name: str) -> list[str]:
    """Words in small letters without accents: `idUser`, `USER_ID`, `Kunden-Nr.`, `用户ID`."""
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain)
    plain = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", plain)
    plain = re.sub(r"([^\x00-\x7f])([\x00-\x7f])", r"\1 \2", plain)
    plain = re.sub(r"([\x00-\x7f])([^\x00-\x7f])", r"\1 \2", plain)
    return [word.lower() for word in re.findall(r"[^\W_]+", plain)]


def _without_ending(word: str) -> str:
    """`userid` and `artikelnr` without what says that it is a number; `kunden`, `users` too."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            word = word.removesuffix(ending)
            break
    if word.startswith("id") and word[2:] in _ALL:
        word = word[2:]
    for ending in ("n", "s", "en", "es"):
        if word not in _ALL and word.removesuffix(ending) in _ALL:
            return word.removesuffix(ending)
    return word


def _normal(words: str) -> frozenset[str]:
    """As `_split` writes them."""
    return frozenset("".join(_split(word)) for word in words.split())


_SETS: dict[str, frozenset[str]] = {role: _normal(words) for role, words in _WORDS.items()}
_LESS_SETS: dict[str, frozenset[str]] = {role: _normal(words) for role, words in _LESS.items()}
_OTHER_SET = _normal(_OTHERS)
_ALL = frozenset().union(*_SETS.values(), _OTHER_SET)
