"""Flower in a real browser: what its pages show, and what its buttons do.

Where `FLOWER_SCREENSHOTS` names a folder, a picture of each page is left there to be looked at.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.client import Client
from tests.integration.test_flower import running_flower
from tests.workers import PROBES, Platform, eventually, running_worker, seconds, started, witness

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver (Debian: chromium chromium-driver)"
)


class Browser:
    """A browser that looks at one Flower."""

    def __init__(self, driver: webdriver.Chrome, flower: Client) -> None:
        self._driver = driver
        self._flower = flower

    def open(self, path: str) -> None:
        self._driver.get(self._flower.url + path)

    def text(self) -> str:
        return self._driver.find_element(By.TAG_NAME, "main").text

    def waits_for(self, *words: str) -> str:
        """The page's text, once it has all of these words."""
        WebDriverWait(self._driver, 30).until(
            lambda _: all(word in self.text() for word in words), f"{words} in the page"
        )
        return self.text()

    def press(self, chosen: str) -> None:
        """Press what a CSS selector names."""
        self.find(chosen).click()

    def said(self) -> str:
        """What a button's answer was."""
        toast = WebDriverWait(self._driver, 30).until(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, ".toast-body"), "an answer"
        )
        return str(toast[-1].get_attribute("textContent"))  # its text is none while it fades in

    def row(self, job: str) -> str:
        """The row of a job in the Tasks page, once it is there."""
        chosen = f"tr[id='{job}']"
        WebDriverWait(self._driver, 30).until(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, chosen), f"a row of {job}"
        )
        return str(self.find(chosen).text)

    def find(self, chosen: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, chosen)

    def picture(self, name: str) -> None:
        if folder := os.environ.get("FLOWER_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._driver.save_screenshot(f"{folder}/{name}.png")


@pytest.fixture(scope="module")
def flower(valkey) -> Iterator[Client]:
    with running_flower(valkey.url, FLOWER_UNAUTHENTICATED_API="1", **PROBES) as client:
        yield client


@pytest.fixture(scope="module")
def browser(flower: Client, tmp_path_factory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1500,1000",
        f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=str(DRIVER))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver, flower)
    finally:
        driver.quit()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Jobs in each state, and the worker that runs them."""

    worker: str
    runs: str
    done: str
    failed: str
    died: str
    waits: str


@pytest.fixture(scope="module")
def scene(valkey, flower, tmp_path_factory) -> Iterator[Scene]:
    files, platform = tmp_path_factory.mktemp("scene"), Platform(valkey.url)
    with running_worker(
        valkey.url, DATABASE_URL="none", concurrency=3, JOBS_CANCEL_GRACE_SECONDS="0.3"
    ) as worker:
        runs = witness(platform, files / "w", wait_for=files / "go")
        started(files / "w")
        made = Scene(
            worker=worker.log.partition("@test ready")[0].rsplit(maxsplit=1)[-1] + "@test",
            runs=runs, done=platform.submit("shown", json.dumps({"value": "may be seen"})),
            failed=platform.submit("fail", '{"message": "no such order"}'),
            died=platform.submit("die", '{"attempts": 1}'),
            waits=platform.submit("echo", '{"value": "secret"}', queue="nobody"),
        )  # fmt: skip
        platform.submit("echo", '{"value": "secret"}', queue="nobody", delay=seconds(3600))
        for job in (made.done, made.failed, made.died):
            platform.result(job)
        yield made
        (files / "go").touch()
    platform.close()


def test_the_tasks_page_shows_jobs_of_every_state_and_filters(browser: Browser, scene: Scene):
    browser.open("/tasks")
    states = {scene.runs: "STARTED", scene.done: "SUCCESS", scene.failed: "FAILURE", scene.waits: "PENDING"}
    for job, state in states.items():
        assert state in browser.row(job)
    assert scene.worker in browser.row(scene.runs).replace("\n", "")
    browser.picture("tasks")
    browser.press("[data-task-state=PENDING]")
    eventually(lambda: scene.runs not in browser.text())
    assert "PENDING" in browser.row(scene.waits)
    assert "active" in str(browser.find("[data-task-state=PENDING]").get_attribute("class"))
    browser.picture("tasks-pending")
    browser.press("[data-task-state='']")  # the browser keeps what was searched for


def test_the_page_of_a_job_tells_its_attempts_its_error_and_what_may_be_seen(browser: Browser, scene: Scene):
    browser.open(f"/task/{scene.died}")
    browser.waits_for("SUCCESS", "LOST", "(1 lost)")
    browser.picture("task-died")
    browser.open(f"/task/{scene.failed}")
    browser.waits_for("FAILURE", "ValueError: no such order", "Traceback", "not shown")
    browser.picture("task-failed")
    browser.open(f"/task/{scene.done}")
    browser.waits_for("may be seen")
    browser.picture("task-done")


def test_the_broker_page_shows_the_backlog_of_a_queue_that_nobody_serves(browser: Browser, scene: Scene):
    browser.open("/broker")
    browser.waits_for("nobody")
    cells = browser.find("#nobody").text.split()
    assert (cells[:6], cells[-1]) == (["nobody", "1", "1", "0", "0", "0"], "none")
    assert browser.find("#celery").text.split()[-1] == "1"
    browser.picture("broker")


def test_the_workers_pages_show_the_jobs_at_work(browser: Browser, scene: Scene):
    browser.open("/workers")
    browser.waits_for("@test", "Online")
    eventually(lambda: browser.find("#workers-active").text == "1", 30, "the heartbeat")
    browser.picture("workers")
    browser.open(f"/worker/{scene.worker}")
    browser.waits_for("Max concurrency")
    browser.picture("worker")
    browser.press("#worker-tab-tasks")
    told = browser.waits_for(scene.runs, "Processed tasks")
    assert "jobs.ring" not in told
    browser.picture("worker-tasks")


def test_a_waiting_job_is_revoked_by_its_button(platform: Platform, browser: Browser):
    waits = platform.submit("echo", '{"value": "secret"}', queue="waiting")
    browser.open(f"/task/{waits}")
    browser.waits_for("PENDING", "none serves its queue")
    browser.press("#task-revoke")
    assert browser.said() == f"Revoked '{waits}'"
    browser.picture("revoked")
    assert platform.state(waits) == "REVOKED"


def test_a_running_job_is_terminated_by_its_button(platform: Platform, browser, scene: Scene, tmp_path):
    runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "never")
    started(tmp_path / "w")
    browser.open(f"/task/{runs}")
    browser.waits_for("STARTED")
    browser.press("#task-terminate")
    assert browser.said() == f"Told '{runs}' to stop"
    eventually(lambda: platform.state(runs) == "REVOKED")
    browser.open(f"/task/{runs}")
    browser.waits_for("REVOKED", "Attempt")
    browser.picture("terminated")
