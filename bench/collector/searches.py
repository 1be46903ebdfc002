"""The searches of the bench, over alerts that made_alert.h makes.

Must stay true: every search that has to find something says so, so that a fast wrong answer is an error; each has the aim but those that
no index can serve, which look at alert after alert until three seconds are over.
"""
import dataclasses
import datetime

AIM = 200  # ms


@dataclasses.dataclass(frozen=True)
class Search:
    """`least`: alerts that must be found, at least."""
    name: str
    parameters: dict
    least: int = 0
    aim: float = AIM
    path: str = '/api/v1/alerts'

    def found(self, answer):
        return f"{len(answer['alerts'])} found" if 'alerts' in answer else f"{len(answer.get('values', answer.get('bars', [])))} values"

    def check(self, answer):
        if 'alerts' in answer and len(answer['alerts']) < self.least:
            raise AssertionError(f"{self.name}: {len(answer['alerts'])} alerts found, {self.least} are there: {self.parameters}")


def searches(client, alerts):
    """`alerts` are stored; the newest of a client's are asked for times."""
    _, newest = client.ask('/api/v1/alerts', {'limit': 1})
    last = datetime.datetime.fromisoformat(newest['alerts'][0]['time'][:19])
    at = lambda **before: (last - datetime.timedelta(**before)).isoformat() + 'Z'  # noqa: E731
    rare = 1 if alerts >= 5_000_000 else 0  # some six of them
    some = min(100, alerts // 2000)
    return [
        Search('newest', {}, some),
        Search('newest, second page', {'before': client.ask('/api/v1/alerts', {})[1]['next']}, some),
        Search('a field, frequent', {'filter': 'proc.name = nginx'}, some),
        Search('a field, one of 5000 values', {'filter': 'fd.name = /srv/data/4711/part-2.bin'}, min(some, alerts // 40_000)),
        Search('two fields and not a third', {'filter': 'proc.name = curl and proc.pname = perl and not user.name = root'}, some),
        Search('one of several values', {'filter': 'alert.hostname in (task-3, task-4) and alert.rule = "Bench rule 7"'}, some // 10),
        Search('three fields, rare together', {'filter': 'fd.name = /srv/data/4711/part-2.bin and proc.pname = perl and user.name = root'}, rare),
        Search('a value that never occurs', {'filter': 'proc.name = xmrig-2'}),
        Search('a word, frequent', {'q': 'unexpected'}, some),
        Search('two words', {'q': 'redis-server bin'}, some),
        Search('four words, rare together', {'q': '4711 tar perl nobody'}, rare),
        Search('a word that never occurs', {'q': 'xmrig'}),
        Search("a word's beginning", {'q': 'redi*'}, some),
        Search('critical and worse', {'priority': 'critical'}, some // 10),
        Search('emergencies, of which there are none', {'priority': 'emergency'}),
        Search('priority and a field', {'priority': 'critical', 'filter': 'proc.name = nginx'}, some // 100),
        Search('an hour three days ago', {'from': at(days=3, hours=1), 'to': at(days=3)}, some),
        Search('an hour, priority and a word', {'from': at(days=3, hours=1), 'to': at(days=3), 'priority': 'error', 'q': 'nginx'}, some // 100),
        Search('no index: contains, frequent', {'filter': 'proc.cmdline contains "--worker 1"'}, some),
        Search('no index: contains, never', {'filter': 'proc.cmdline contains xmrig'}, aim=None),
        Search('histogram of a week', {'from': at(days=7)}, path='/api/v1/stats/histogram', aim=None),
        Search('histogram of a week, a field', {'from': at(days=7), 'filter': 'alert.hostname = task-3'}, path='/api/v1/stats/histogram', aim=None),
        Search('rules of a week', {'from': at(days=7), 'field': 'alert.rule'}, path='/api/v1/stats/top', aim=None),
    ]
