#!/usr/bin/env python3
"""Draws what a command prints on a terminal as an SVG.

    docs/svg/terminal-svg.py [--columns N] [--title T] [--prompt P] --output FILE -- COMMAND…
    docs/svg/terminal-svg.py … --output FILE < captured-output

The command runs on a pseudo-terminal of N columns, so it colours and fits its
output as it does for a person. Without a command the output is read from
standard input. Understood are bold, dim, italic, underline, the 16 colours and
resets; other escape sequences are dropped, and `\\r` begins the line anew. The
picture holds nothing of the time or the machine: the same output gives the same
bytes.
"""

import argparse
import os
import pty
import re
import struct
import subprocess
import sys
import unicodedata
from html import escape

CELL = 8.4  # width of a character at FONT_SIZE
LINE = 20
FONT_SIZE = 14
PAD = 16
BAR = 32

BACKGROUND, FOREGROUND, BORDER, TITLE = "#16181d", "#d5d8de", "#2c3038", "#8a909c"
BUTTONS = ("#ec6a5e", "#f4bf4f", "#61c554")
COLOURS = (
    ("#3b4048", "#ef7a80", "#8fcf7c", "#e3c46d", "#6fb3f2", "#cf92e6", "#5fc6c9", "#d5d8de"),
    ("#6b7280", "#ff9aa0", "#aee59c", "#f5dc93", "#95cbff", "#e2b2f5", "#86dfe1", "#ffffff"),
)
FONTS = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

ESCAPE = re.compile(
    r"\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[ -/]*[0-~]"  # the rest
)


class Style:
    """How a character looks; a value, so that equal neighbours are one run."""

    __slots__ = ("colour", "bold", "dim", "italic", "underline")

    def __init__(self):
        self.reset()

    def reset(self):
        self.colour, self.bold, self.dim = None, False, False
        self.italic, self.underline = False, False

    def key(self):
        return (self.colour, self.bold, self.dim, self.italic, self.underline)

    def apply(self, codes):
        """Reads the numbers of one `ESC [ … m`."""
        numbers = [int(code) if code.isdigit() else 0 for code in re.split("[;:]", codes)]
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                self.reset()
            elif number == 1:
                self.bold = True
            elif number == 2:
                self.dim = True
            elif number == 3:
                self.italic = True
            elif number == 4:
                self.underline = True
            elif number == 22:
                self.bold = self.dim = False
            elif number == 23:
                self.italic = False
            elif number == 24:
                self.underline = False
            elif 30 <= number <= 37:
                self.colour = COLOURS[0][number - 30]
            elif 90 <= number <= 97:
                self.colour = COLOURS[1][number - 90]
            elif number == 39:
                self.colour = None
            elif number in (38, 48):
                colour = extended(numbers)
                self.colour = colour if number == 38 else self.colour


def extended(numbers):
    """The colour of `38;5;N` or `38;2;R;G;B`, taken off the list."""
    kind = numbers.pop(0) if numbers else 0
    if kind == 5 and numbers:
        index = numbers.pop(0)
        if index < 16:
            return COLOURS[index // 8][index % 8]
        if index < 232:
            levels = (0, 95, 135, 175, 215, 255)
            index -= 16
            rgb = (levels[index // 36], levels[index // 6 % 6], levels[index % 6])
        else:
            rgb = (8 + 10 * (index - 232),) * 3
        return "#%02x%02x%02x" % rgb
    if kind == 2 and len(numbers) >= 3:
        rgb = tuple(min(number, 255) for number in numbers[:3])
        del numbers[:3]
        return "#%02x%02x%02x" % rgb
    return None


def width(letter):
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def lines_of(text, columns):
    """The screen: lines of cells `(letter, style key)`; a wide letter's second
    cell and a blank without style are `None`."""
    lines, row, column, style = [[]], 0, 0, Style()

    def put(letter, cells):
        nonlocal row, column
        if column + cells > columns:
            new_line()
        line = lines[row]
        line.extend([None] * (column + cells - len(line)))
        line[column] = (letter, style.key())
        for extra in range(1, cells):
            line[column + extra] = None
        column += cells

    def new_line():
        nonlocal row, column
        row, column = row + 1, 0
        if row == len(lines):
            lines.append([])

    at = 0
    while at < len(text):
        sequence = ESCAPE.match(text, at)
        if sequence:
            codes, final = sequence.group(1), sequence.group(2)
            if final == "m":
                style.apply(codes)
            elif final == "K" and codes in ("", "0"):
                del lines[row][column:]
            elif final == "K" and codes == "2":
                lines[row].clear()
            at = sequence.end()
            continue
        letter = text[at]
        at += 1
        if letter == "\n":
            new_line()
        elif letter == "\r":
            column = 0
        elif letter == "\t":
            column = min((column // 8 + 1) * 8, columns - 1)
        elif letter == "\b":
            column = max(column - 1, 0)
        elif letter >= " " and letter != "\x7f" and width(letter):
            put(letter, width(letter))
    while lines and not any(lines[-1]):
        lines.pop()
    return lines


def runs(line):
    """`(column, text, style key)` of neighbours that look alike."""
    found = []
    for column, cell in enumerate(line):
        if cell is None:
            continue
        letter, key = cell
        if found:
            start, text, last = found[-1]
            if last == key and start + len(text) == column:
                found[-1] = (start, text + letter, key)
                continue
        found.append((column, letter, key))
    return [trimmed(*run) for run in found if run[1].strip() or run[2][4]]


def trimmed(column, text, key):
    """Blanks at the ends show only where they are underlined."""
    if key[4]:
        return column, text, key
    return column + len(text) - len(text.lstrip()), text.strip(), key


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def attributes(key):
    colour, bold, dim, italic, underline = key
    found = ""
    if colour:
        found += f' fill="{colour}"'
    if bold:
        found += ' font-weight="bold"'
    if dim:
        found += ' opacity="0.55"'
    if italic:
        found += ' font-style="italic"'
    if underline:
        found += ' text-decoration="underline"'
    return found


def svg(lines, columns, title):
    wide = number(columns * CELL + 2 * PAD)
    high = BAR + len(lines) * LINE + PAD + 8
    middle = number((columns * CELL + 2 * PAD) / 2)
    label = escape(title or "terminal")
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" role="img" aria-label="{label}">',
        f'<rect x="0.5" y="0.5" width="{number(float(wide) - 1)}" height="{high - 1}" rx="9" '
        f'fill="{BACKGROUND}" stroke="{BORDER}"/>',
    ]
    for index, colour in enumerate(BUTTONS):
        out.append(f'<circle cx="{PAD + 4 + 18 * index}" cy="{BAR // 2 + 2}" r="5.5" fill="{colour}"/>')
    if title:
        out.append(
            f'<text x="{middle}" y="{BAR // 2 + 6}" fill="{TITLE}" font-size="12" '
            f'font-family="system-ui, sans-serif" text-anchor="middle">{label}</text>'
        )
    out.append(f'<g fill="{FOREGROUND}" font-family="{escape(FONTS)}" font-size="{FONT_SIZE}" xml:space="preserve">')
    for row, line in enumerate(lines):
        y = BAR + (row + 1) * LINE
        for column, text, key in runs(line):
            x = number(PAD + column * CELL)
            length = number(sum(width(letter) for letter in text) * CELL)
            out.append(
                f'<text x="{x}" y="{y}" textLength="{length}" lengthAdjust="spacingAndGlyphs"'
                f"{attributes(key)}>{escape(text)}</text>"
            )
    out += ["</g>", "</svg>", ""]
    return "\n".join(out)


def capture(command, columns):
    """Runs a command on a pseudo-terminal and returns what it printed there."""
    import fcntl
    import termios

    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=child, stderr=child, env=environment
    )
    os.close(child)
    output = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # How Linux says that the last writer is gone.
            break
        if not part:
            break
        output += part
    os.close(main)
    code = process.wait()
    if code != 0:
        sys.stderr.buffer.write(output)
        sys.exit(f"terminal-svg: {command[0]} ended with {code}")
    return output.decode()


def main():
    parser = argparse.ArgumentParser(description="Draw a command's terminal output as an SVG.")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--title", default="")
    parser.add_argument("--prompt", help="show this command in front of the output")
    parser.add_argument("--output", required=True)
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    if options.command:
        text = capture(options.command, options.columns)
    else:
        text = sys.stdin.buffer.read().decode()
    if options.prompt:
        text = f"\x1b[32m$\x1b[39m \x1b[1m{options.prompt}\x1b[0m\n{text}"
    picture = svg(lines_of(text, options.columns), options.columns, options.title)
    with open(options.output, "w", encoding="utf-8", newline="\n") as file:
        file.write(picture)


if __name__ == "__main__":
    main()
