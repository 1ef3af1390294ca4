"""What is done to films: one kind of change a file, each change a `Change`.

* morphology  growing, opening and averaging, on numpy alone
* region      lungs, border, corners or a strip painted over
* marks       letters, words, squares and electrodes pasted
* burnt_in    what looks like burnt-in text painted out
* place       shifted and turned
* grey        gamma, stretched, windowed, inverted
* quality     compression, blur, noise, resolution
* measures    nothing changed: what a film's quality is, in numbers
"""
