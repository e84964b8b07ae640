"""Tables in, Altair charts out. Nothing here fits, ranks or reads a study, and nothing knows the page it is drawn on.

`style` holds what all charts share; the other files are named by what they draw. What a page needs beside the picture
(thinned points, robust axes) is made here as well.
"""
