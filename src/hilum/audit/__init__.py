"""Is the score real? Checks that try to explain it by something other than disease.

* run         an audit from beginning to end
* subject     the bundle, the films, and every answer it gave to them
* perturb     what is done to films before the network is asked again
* asking      each film read once, the network asked in batches
* answers     what it said, kept on disk
* masks       where the lungs are, and the lesion
* registry    which checks there are
* record      what they find
* checks/     one family of checks a file
"""
