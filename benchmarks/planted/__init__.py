"""Phantom cohorts, each with one flaw planted in it or with none.

* shots      films drawn once, kept, and written as a cohort
* bending    subjects made to differ in shape as people do
* tampering  what is done to one film's pixels
* flaws      what is done to a cohort
* cohorts    the list: every planted flaw and the checks meant for it, and the clean ones
* network    a small network trained on a cohort
"""
