// Going through a page without a mouse.

/** Goes on with the Tab key until this element, once it is there, has the focus. */
export async function tabTo(page, locator) {
  await locator.waitFor();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`60 times Tab, and never at ${locator}`);
}
