"""Checkpoints that a disk damaged: the one before is used, and the user is told."""

import shutil

import syscalls


def unfinished(lab, name):
    """A subject that was killed when it had two checkpoints of one trajectory at least, and both."""
    subject, place = lab.subject(name), lab.place()
    place.parent.mkdir()
    # The rename that makes way for the third one.
    ended = syscalls.injected(lab, subject, "rename", 3, "signal=SIGKILL")(place)
    assert ended.code == -9, ended
    newest = sorted(p for p in place.rglob("*checkpoint.safetensors") if previous(p).exists())
    return place, [path.relative_to(place) for path in newest]


def previous(path):
    return path.with_name(path.name.replace("checkpoint.", "checkpoint.previous."))


def truncations(lab, content):
    lengths = [0, 1, 8, len(content) // 2, len(content) - 1]
    more = lab.sample(range(2, len(content)), 8) if lab.long else ()
    return [content[:length] for length in [*lengths, *more]]


def flips(lab, content):
    """One bit at a time, anywhere but in the blanks that end the header."""
    header = 8 + int.from_bytes(content[:8], "little")
    blanks = range(len(content[:header].rstrip()), header)
    places = [i for i in range(len(content)) if i not in blanks]
    flipped = []
    for i in lab.sample(places, 6):
        changed = bytearray(content)
        changed[i] ^= 1 << i % 8
        flipped.append(bytes(changed))
    return flipped


def damaged(name, damages):
    def fault(lab):
        subject = lab.subject(name)
        begun, found = unfinished(lab, name)
        newest = found[0]

        def with_content(content):
            def disturb(place):
                shutil.copytree(begun, place)
                (place / newest).write_bytes(content)
                return lab.call([*subject.arguments, str(place)])

            def also(_, place):
                kept = (place / newest).parent / "warnings.txt"
                return [] if kept.exists() else ["warnings.txt says nothing"]

            says = ["warning: ", newest.name, "going on from", "checkpoint.previous.safetensors"]
            return lab.attempt(subject, disturb, (0,), says, also, told=True)

        contents_ = damages(lab, (begun / newest).read_bytes())
        return lab.each(with_content, contents_), "the one before it is used; warnings.txt keeps that"

    return fault


def missing(lab):
    """As after a kill between the renames."""
    subject = lab.subject("run")
    begun, (newest,) = unfinished(lab, "run")

    def disturb(place):
        shutil.copytree(begun, place)
        (place / newest).unlink()
        return lab.call([*subject.arguments, str(place)])

    return [lab.attempt(subject, disturb, (0,))], "the one before it is used"


def files(place):
    """Every file with its content, but for the temporary one that a kill left."""
    found = [path for path in place.iterdir() if not path.name.startswith(".writing-")]
    return {path.name: path.read_bytes() for path in found}


def both(begun, newest, place):
    shutil.copytree(begun, place)
    for path in (place / newest, previous(place / newest)):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def start_over(newest):
    """What the message says."""

    def mend(place):
        (place / newest).unlink()
        previous(place / newest).unlink()

    return mend


def both_of_a_run(lab):
    subject = lab.subject("run")
    begun, (newest,) = unfinished(lab, "run")

    def disturb(place):
        both(begun, newest, place)
        before = files(place)
        ended = lab.call([*subject.arguments, str(place)])
        assert files(place) == before, "something was written or lost"
        return ended

    says = ["checkpoint.safetensors is not", "checkpoint.previous.safetensors is not", "--force"]
    attempt = lab.attempt(subject, disturb, (2,), says, mend=start_over(newest))
    return [attempt], "nothing written or lost; deleting both, as the message says, starts over"


def both_of_a_sweep(lab):
    subject = lab.subject("sweep")
    begun, found = unfinished(lab, "sweep")
    newest = found[0]

    def disturb(place):
        both(begun, newest, place)
        return lab.call([*subject.arguments, str(place)])

    def also(_, place):
        complete = len(list(place.glob("*/summary.json")))
        return [] if complete == 4 else [f"{complete} of the other 4 runs are complete"]

    says = ["1 of 5 runs of faults failed", "checkpoint.previous.safetensors is not"]
    attempt = lab.attempt(subject, disturb, (1,), says, also, mend=start_over(newest))
    return [attempt], "that run has failed, the others are complete"
