"""The rules of sections C to H that change no value, class or refusal, and why each has no test."""

UNCOVERED: dict[str, str] = {
    "D9": "TDX_FEATURES0 bit 30 only announces section D; no answer carries TDX_FEATURES0.",
    "E1": "It describes 1.5.13, which is no built-in: every module that is one has H5's list (I2).",
    "E6": "It switches off assertions inside TDH.MNG.INIT; what GNR A0 changes in answers is G3's.",
    "G5": "It concerns TDH.MNG.RD and the order of a dump, which neither resolve, guest nor bits answers.",
    "G6": "It states which files of 1.5.34 are not stored; the rules that it carries over are tested in 1.5.34.",
    "H1": "It states that the code of 2.0.18 is the same; every rule of C to G is tested in 2.0.18 itself.",
}
