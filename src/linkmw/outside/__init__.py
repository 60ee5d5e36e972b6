"""An application that nobody changes for linkmw, covered from outside: recognised, and wrapped where that does most.

Nothing here imports a framework that the application has not imported itself.
"""
