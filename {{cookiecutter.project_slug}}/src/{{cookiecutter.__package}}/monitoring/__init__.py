"""Did the world change, does it hurt, or did the data pipe break?"""
