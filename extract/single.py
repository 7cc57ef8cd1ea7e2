"""One clip, from Python: what the long run does to many."""

from pathlib import Path

from extract.decode import DecodedVideo, DecodePool
from extract.interfaces import Interval
from extract.pipeline import ExtractedClip, Extractor
from extract.schedule import Scheduler
from store.table import ClipEntry


def extract_clip(
    path: Path,
    extractor: Extractor,
    *,
    clip_id: str | None = None,
    label: str | None = None,
    interval: Interval | None = None,
    decode_limit_seconds: float = 60.0,
) -> ExtractedClip:
    """Extract one video.

    Args:
        path: the video.
        extractor: the parts, see ``extract.build.build_extractor``.
        clip_id: what a file of boxes calls the clip; the file's stem if None.
        label: its class; only the persons policy ``by_label`` asks.
        interval: first frame and the one after the last (None: the end), if the clip is a part of the video.
        decode_limit_seconds: a decoder that is silent for so long is killed.

    Returns:
        The outcome, and the arrays of ``store/schema.py`` (T sample times first).

    Raises:
        VideoError: it cannot be extracted.
    """
    entry = ClipEntry(clip_id or path.stem, str(path), label)
    with DecodePool(num_workers=1, limit_seconds=decode_limit_seconds, plan=extractor.frames_wanted) as pool:

        def open_video(count_by_decoding: bool) -> DecodedVideo:
            return pool.submit(path, use_pyav=count_by_decoding, interval=interval)

        scheduler = Scheduler(extractor.networks(), max_active=1, news=pool.news)
        [(_, result)] = scheduler.run([(entry.id, lambda: extractor.stages(entry, open_video))])
    if isinstance(result, Exception):
        raise result
    assert isinstance(result, ExtractedClip)
    return result
