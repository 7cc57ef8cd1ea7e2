from extract.config import DetectorConfig, ExtractConfig


def test_detector_sees_half_of_the_frame_within_limits():
    config = DetectorConfig()
    # half of 400 is below 640; 1920 / 2 = 960; 1366 / 2 = 683, up to a multiple of 32; 4K is cut at 1280
    assert [config.image_size_for(*wh) for wh in [(400, 300), (1920, 1080), (1366, 768), (3840, 2160)]] == [
        640,
        960,
        704,
        1280,
    ]


def test_portrait_video_is_judged_by_its_height():
    assert DetectorConfig().image_size_for(1080, 1920) == 960


def test_a_chosen_size_is_kept():
    assert DetectorConfig(image_size=512).image_size_for(1920, 1080) == 512


def test_meaning_names_the_rule_where_no_size_is_chosen():
    assert DetectorConfig().meaning()["image_size"] != DetectorConfig(640).meaning()["image_size"] == 640


def test_another_policy_is_another_meaning():
    assert ExtractConfig(persons="top1").meaning() != ExtractConfig(persons="tracked").meaning()
