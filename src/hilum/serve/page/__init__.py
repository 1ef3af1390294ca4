"""What readers look at: pages, and the scripts and styles they are made with.

* `assets`      scripts and styles, under a path that changes with their bytes
* `templating`  pages from templates; all text is escaped
* `asking`      who looks, and what a browser is told if it goes wrong
* `card`        a bundle's model card and measured figures as plain values for a template
* `phantom`     a drawn film for who has none at hand
* `routes`      the pages; `router` is what the application includes

A page holds no film's words: names and numbers come as JSON from the interface that programs use,
and scripts set them as text.
"""
