"""Tables in, Altair charts out. Nothing here fits, ranks or reads a study, and no chart depends on its page.

`style` has what all charts share; every other file is named by what it draws. The data of the charts are prepared here as
well: points of large studies are thinned, and axes made robust.
"""
